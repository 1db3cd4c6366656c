import { app } from "@azure/functions";
import { authLevel, portsForRequest } from "../shared/app.ts";
import { respond } from "../shared/http/respond.ts";

app.http("resend", {
  methods: ["POST"],
  authLevel,
  route: "api/runs/{watchlist}/{runId}/mail",
  handler: (request, context) =>
    respond(request, async () => {
      const { serveResend } = await import("../shared/http/resend.ts");
      return serveResend(request, await portsForRequest(request, context));
    }),
});
