import { app } from "@azure/functions";
import { authLevel, portsForRequest } from "../shared/app.ts";
import { respond } from "../shared/http/respond.ts";

app.http("preview", {
  methods: ["POST"],
  authLevel,
  route: "api/preview",
  handler: (request, context) =>
    respond(request, async () => {
      const { servePreview } = await import("../shared/http/preview.ts");
      return servePreview(request, await portsForRequest(request, context));
    }),
});
