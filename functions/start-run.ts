import { app } from "@azure/functions";
import { authLevel, portsFor } from "../shared/app.ts";
import { answering } from "../shared/http/answer.ts";

app.http("start-run", {
  methods: ["POST"],
  authLevel,
  route: "runs",
  handler: (request, context) =>
    answering(async () => {
      const { startRun } = await import("../shared/http/start-run.ts");
      const body = await request.text();
      return startRun({ body, header: (name) => request.headers.get(name) }, await portsFor(context));
    }),
});
