import { app } from "@azure/functions";
import { answering } from "../shared/answer.ts";
import { authLevel, portsFor } from "../shared/app.ts";
import { serveReport } from "../shared/serve-report.ts";

app.http("report", {
  methods: ["GET"],
  authLevel,
  route: "report",
  handler: ({ query, headers }, context) =>
    answering(() => serveReport({ query, header: (name) => headers.get(name) }, portsFor(context))),
});
