import { app } from "@azure/functions";
import { calls } from "./calls.ts";

let running = 0;

// Logs its message and metadata, then does what the message says.
app.storageQueue("work", {
  queueName: "work",
  connection: "TOY_STORAGE",
  handler: async (message, context) => {
    calls.count += 1;
    const { queueTrigger, dequeueCount, id, insertionTime } = context.triggerMetadata ?? {};
    context.log(JSON.stringify({ message, queueTrigger, dequeueCount, id, insertionTime }));
    if (message === "fail") throw new Error("failed on purpose");
    if (message === "fail once" && dequeueCount === 1) throw new Error("failed once on purpose");
    if (message !== "hold") return;
    running += 1;
    context.log(`${running} at once`);
    // The test opens it.
    await Reflect.get(globalThis, "toyGate");
    running -= 1;
  },
});
