import { app } from "@azure/functions";
import { calls } from "./calls.ts";

app.timer("tick", {
  schedule: "%TICK_SCHEDULE%",
  retry: { strategy: "fixedDelay", maxRetryCount: 2, delayInterval: { minutes: 1 } },
  handler: (timer, context) => {
    calls.count += 1;
    context.log(JSON.stringify({ timer, retry: context.retryContext?.retryCount ?? 0 }));
    if (process.env.TICK_FAILS) throw new Error(`tick ${calls.count} failed`);
  },
});
