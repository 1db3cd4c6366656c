import { app } from "@azure/functions";
import { portsFor, schedule } from "../shared/app.ts";
import { scheduleRuns } from "../shared/schedule-runs.ts";

app.timer("schedule-runs", {
  schedule,
  retry: { strategy: "fixedDelay", maxRetryCount: 5, delayInterval: { minutes: 1 } },
  handler: (_timer, context) => scheduleRuns(portsFor(context)),
});
