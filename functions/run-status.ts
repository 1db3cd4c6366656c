import { app } from "@azure/functions";
import { authLevel, portsFor } from "../shared/app.ts";
import { answering } from "../shared/http/answer.ts";

app.http("run-status", {
  methods: ["GET"],
  authLevel,
  route: "runs/{watchlist}/{runId}",
  handler: ({ params }, context) =>
    answering(async () => {
      const { serveRunStatus } = await import("../shared/http/run-status.ts");
      return serveRunStatus(params.watchlist ?? "", params.runId ?? "", await portsFor(context));
    }),
});
