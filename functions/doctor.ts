import { app } from "@azure/functions";
import { answering } from "../shared/answer.ts";
import { authLevel, connect, portsFor } from "../shared/app.ts";

app.http("doctor", {
  methods: ["POST"],
  authLevel,
  route: "doctor",
  handler: (_request, context) =>
    answering(async () => {
      const { serveDoctor } = await import("../shared/doctor.ts");
      const { probes } = await connect();
      return serveDoctor(await portsFor(context), probes);
    }),
});
