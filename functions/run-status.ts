import { app } from "@azure/functions";
import { answering } from "../shared/answer.ts";
import { authLevel, portsFor } from "../shared/app.ts";
import { serveRunStatus } from "../shared/run-status.ts";

app.http("run-status", {
  methods: ["GET"],
  authLevel,
  route: "runs/{watchlist}/{runId}",
  handler: ({ params }, context) =>
    answering(() => serveRunStatus(params.watchlist ?? "", params.runId ?? "", portsFor(context))),
});
