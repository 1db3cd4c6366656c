import { app } from "@azure/functions";
import { answering } from "../shared/answer.ts";
import { authLevel, portsFor, probes } from "../shared/app.ts";
import { serveDoctor } from "../shared/doctor.ts";

app.http("doctor", {
  methods: ["POST"],
  authLevel,
  route: "doctor",
  handler: (_request, context) => answering(() => serveDoctor(portsFor(context), probes)),
});
