import { app } from "@azure/functions";
import { answering } from "../shared/answer.ts";
import { authLevel, portsFor } from "../shared/app.ts";

app.http("run-status", {
  methods: ["GET"],
  authLevel,
  route: "runs/{watchlist}/{runId}",
  handler: ({ params }, context) =>
    answering(async () => {
      const { serveRunStatus } = await import("../shared/run-status.ts");
      return serveRunStatus(params.watchlist ?? "", params.runId ?? "", await portsFor(context));
    }),
});
