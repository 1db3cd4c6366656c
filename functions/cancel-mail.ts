import { app } from "@azure/functions";
import { authLevel, portsForRequest } from "../shared/app.ts";
import { respond } from "../shared/http/respond.ts";

app.http("cancel-mail", {
  methods: ["DELETE"],
  authLevel,
  route: "api/runs/{watchlist}/{runId}/mail",
  handler: (request, context) =>
    respond(request, async () => {
      const { serveCancelMail } = await import("../shared/http/resend.ts");
      return serveCancelMail(request, await portsForRequest(request, context));
    }),
});
