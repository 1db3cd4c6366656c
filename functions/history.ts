import { app } from "@azure/functions";
import { answering } from "../shared/answer.ts";
import { authLevel, portsFor } from "../shared/app.ts";
import { serveHistory } from "../shared/serve-history.ts";

app.http("history", {
  methods: ["GET"],
  authLevel,
  route: "history",
  handler: ({ query, headers }, context) =>
    answering(() => serveHistory({ query, header: (name) => headers.get(name) }, portsFor(context))),
});
