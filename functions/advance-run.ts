import { app } from "@azure/functions";
import { advanceMessage } from "../shared/advance-message.ts";
import { portsFor } from "../shared/app.ts";

app.storageQueue("advance-run", {
  queueName: "runs",
  connection: "REPORTER_STORAGE",
  handler: (message, context) => advanceMessage(message, portsFor(context)),
});
