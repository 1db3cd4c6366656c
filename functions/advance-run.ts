import { app } from "@azure/functions";
import { portsFor } from "../shared/app.ts";

app.storageQueue("advance-run", {
  queueName: "runs",
  connection: "REPORTER_STORAGE",
  handler: async (message, context) => {
    const { advance } = await import("../shared/run/advance.ts");
    await advance(message, await portsFor(context));
  },
});
