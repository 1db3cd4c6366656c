import { app } from "@azure/functions";
import { QueueServiceClient } from "@azure/storage-queue";

app.storageQueue("relay", {
  queueName: "relay",
  connection: "TOY_STORAGE",
  handler: async (message) => {
    const service = QueueServiceClient.fromConnectionString(process.env.TOY_STORAGE ?? "");
    await service.getQueueClient("work").sendMessage(Buffer.from(String(message)).toString("base64"));
  },
});
