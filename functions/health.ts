import { app } from "@azure/functions";
import { portsFor } from "../shared/app.ts";
import { respond } from "../shared/http/respond.ts";

app.http("health", {
  methods: ["GET", "HEAD"],
  authLevel: "anonymous",
  route: "api/health",
  handler: (request, context) =>
    respond(request, async () => {
      const { serveHealth } = await import("../shared/http/health.ts");
      return serveHealth(request, await portsFor(context));
    }),
});
