import { app } from "@azure/functions";
import { calls } from "./calls.ts";

let atOnce = 0;

// Logs what it was handed, then does as it was told.
app.storageQueue("work", {
  queueName: "work",
  connection: "TOY_STORAGE",
  handler: async (message, context) => {
    calls.count += 1;
    const { queueTrigger, dequeueCount, id, insertionTime } = context.triggerMetadata ?? {};
    context.log(JSON.stringify({ message, queueTrigger, dequeueCount, id, insertionTime }));
    if (message === "fail") throw new Error("told to fail");
    if (message === "fail once" && dequeueCount === 1) throw new Error("told to fail once");
    if (message !== "hold") return;
    atOnce += 1;
    context.log(`${atOnce} at once`);
    // The test's to open.
    await Reflect.get(globalThis, "toyGate");
    atOnce -= 1;
  },
});
