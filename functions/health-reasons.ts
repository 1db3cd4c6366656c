import { app } from "@azure/functions";
import { authLevel, portsFor } from "../shared/app.ts";
import { respond } from "../shared/http/respond.ts";

app.http("health-reasons", {
  methods: ["GET", "HEAD"],
  authLevel,
  route: "api/health/reasons",
  handler: (request, context) =>
    respond(request, async () => {
      const { serveHealthReasons } = await import("../shared/http/health.ts");
      return serveHealthReasons(request, await portsFor(context));
    }),
});
