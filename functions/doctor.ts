import { app } from "@azure/functions";
import { authLevel, connect, portsFor } from "../shared/app.ts";
import { answering } from "../shared/http/answer.ts";

app.http("doctor", {
  methods: ["POST"],
  authLevel,
  route: "doctor",
  handler: (_request, context) =>
    answering(async () => {
      const { serveDoctor } = await import("../shared/http/doctor.ts");
      const { probes } = await connect();
      return serveDoctor(await portsFor(context), probes);
    }),
});
