import { app } from "@azure/functions";
import { authLevel, portsForRequest } from "../shared/app.ts";
import { respond } from "../shared/http/respond.ts";

app.http("start-run", {
  methods: ["POST"],
  authLevel,
  route: "api/runs",
  handler: (request, context) =>
    respond(request, async () => {
      const { serveStartRun } = await import("../shared/http/start-run.ts");
      return serveStartRun(request, await portsForRequest(request, context));
    }),
});
