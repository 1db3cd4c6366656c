import { app } from "@azure/functions";
import { authLevel, portsForRequest } from "../shared/app.ts";
import { respond } from "../shared/http/respond.ts";

app.http("actions", {
  methods: ["GET", "HEAD"],
  authLevel,
  route: "api/actions",
  handler: (request, context) =>
    respond(request, async () => {
      const { serveActions } = await import("../shared/http/actions.ts");
      return serveActions(request, await portsForRequest(request, context));
    }),
});
