import { app } from "@azure/functions";
import { authLevel, portsFor } from "../shared/app.ts";
import { answering } from "../shared/http/answer.ts";

app.http("report", {
  methods: ["GET"],
  authLevel,
  route: "report",
  handler: ({ query, headers }, context) =>
    answering(async () => {
      const { serveReport } = await import("../shared/http/report.ts");
      return serveReport({ query, header: (name) => headers.get(name) }, await portsFor(context));
    }),
});
