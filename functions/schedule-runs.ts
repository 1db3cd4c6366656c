import { app } from "@azure/functions";
import { portsFor, schedule } from "../shared/app.ts";

app.timer("schedule-runs", {
  schedule,
  retry: { strategy: "fixedDelay", maxRetryCount: 5, delayInterval: { minutes: 1 } },
  handler: async (_timer, context) => {
    const { scheduleRuns } = await import("../shared/run/schedule.ts");
    await scheduleRuns(await portsFor(context));
  },
});
