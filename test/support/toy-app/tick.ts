import { app } from "@azure/functions";
import { calls } from "./calls.ts";

app.timer("tick", {
  schedule: "0 0 5 * * *",
  retry: { strategy: "fixedDelay", maxRetryCount: 2, delayInterval: { minutes: 1 } },
  handler: (_timer, context) => {
    calls.count += 1;
    context.log(`tick ${calls.count}`);
    if (process.env.TICK_FAILS) throw new Error(`tick ${calls.count} failed`);
  },
});
