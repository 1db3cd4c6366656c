import { app } from "@azure/functions";
import { authLevel, portsForRequest } from "../shared/app.ts";
import { respond } from "../shared/http/respond.ts";

app.http("overview", {
  methods: ["GET", "HEAD"],
  authLevel,
  route: "api/overview",
  handler: (request, context) =>
    respond(request, async () => {
      const { serveOverview } = await import("../shared/http/overview.ts");
      return serveOverview(request, await portsForRequest(request, context));
    }),
});
