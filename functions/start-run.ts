import { app } from "@azure/functions";
import { answering } from "../shared/answer.ts";
import { authLevel, portsFor } from "../shared/app.ts";

app.http("start-run", {
  methods: ["POST"],
  authLevel,
  route: "runs",
  handler: (request, context) =>
    answering(async () => {
      const { startRun } = await import("../shared/start-run.ts");
      const body = await request.text();
      return startRun({ body, header: (name) => request.headers.get(name) }, await portsFor(context));
    }),
});
