import { app } from "@azure/functions";
import { authLevel, connect, portsForRequest } from "../shared/app.ts";
import { respond } from "../shared/http/respond.ts";

app.http("doctor", {
  methods: ["POST"],
  authLevel,
  route: "api/doctor",
  handler: (request, context) =>
    respond(request, async () => {
      const { serveDoctor } = await import("../shared/http/doctor.ts");
      const { probes } = await connect();
      return serveDoctor(request, await portsForRequest(request, context), probes);
    }),
});
