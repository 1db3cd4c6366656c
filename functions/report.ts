import { app } from "@azure/functions";
import { answering } from "../shared/answer.ts";
import { authLevel, portsFor } from "../shared/app.ts";

app.http("report", {
  methods: ["GET"],
  authLevel,
  route: "report",
  handler: ({ query, headers }, context) =>
    answering(async () => {
      const { serveReport } = await import("../shared/serve-report.ts");
      return serveReport({ query, header: (name) => headers.get(name) }, await portsFor(context));
    }),
});
