import { app } from "@azure/functions";
import { portsFor } from "../shared/app.ts";

app.storageQueue("advance-run", {
  queueName: "runs",
  connection: "REPORTER_STORAGE",
  handler: async (message, context) => {
    const { advanceMessage } = await import("../shared/run/advance-message.ts");
    await advanceMessage(message, await portsFor(context));
  },
});
