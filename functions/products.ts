import { app } from "@azure/functions";
import { authLevel, portsForRequest } from "../shared/app.ts";
import { respond } from "../shared/http/respond.ts";

app.http("products", {
  methods: ["GET", "HEAD"],
  authLevel,
  route: "api/products",
  handler: (request, context) =>
    respond(request, async () => {
      const { serveProducts } = await import("../shared/http/products.ts");
      return serveProducts(request, await portsForRequest(request, context));
    }),
});
