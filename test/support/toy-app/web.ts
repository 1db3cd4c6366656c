import { app } from "@azure/functions";
import { calls } from "./calls.ts";

app.http("echo", {
  methods: ["GET", "POST"],
  authLevel: "anonymous",
  route: "echo/{first}/{second}",
  handler: async (request) => ({
    status: 202,
    jsonBody: {
      method: request.method,
      url: request.url,
      params: request.params,
      query: Object.fromEntries(request.query),
      headers: Object.fromEntries(request.headers),
      body: await request.text(),
    },
  }),
});

app.http("reverse", {
  methods: ["POST"],
  authLevel: "anonymous",
  handler: async (request) => ({
    headers: { "content-type": "application/octet-stream" },
    body: new Uint8Array(await request.arrayBuffer()).reverse(),
  }),
});

app.http("nothing", { methods: ["GET"], authLevel: "anonymous", handler: () => Reflect.get({}, "none") });

app.http("fails", {
  methods: ["GET"],
  authLevel: "anonymous",
  handler: () => {
    throw new Error("the secret reason");
  },
});

app.http("locked", {
  methods: ["GET"],
  authLevel: "function",
  handler: () => ({ body: "open" }),
});

app.http("calls", { methods: ["GET"], authLevel: "anonymous", handler: () => ({ body: String(calls.count) }) });

app.http("chatty", {
  methods: ["GET"],
  authLevel: "anonymous",
  handler: (_request, context) => {
    context.warn("it is", { warm: true });
    context.debug("a detail");
    return {};
  },
});

app.http("careless", {
  methods: ["GET"],
  authLevel: "anonymous",
  handler: () => {
    Promise.reject(new Error("nobody waits for this"));
    return {};
  },
});
