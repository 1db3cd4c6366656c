import { app } from "@azure/functions";
import { authLevel, portsForRequest } from "../shared/app.ts";
import { respond } from "../shared/http/respond.ts";

app.http("run-status", {
  methods: ["GET", "HEAD"],
  authLevel,
  route: "api/runs/{watchlist}/{runId}",
  handler: (request, context) =>
    respond(request, async () => {
      const { serveRunStatus } = await import("../shared/http/run-status.ts");
      return serveRunStatus(request, await portsForRequest(request, context));
    }),
});
