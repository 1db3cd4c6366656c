import { noParameters } from "../render/parameters.ts";
import { readQuery } from "./query.ts";
import { type HttpRequest, type HttpResponse, jsonResponse } from "./response.ts";

/** The version of the HTTP contract; it changes only with the contract. */
const contractVersion = "1.0.0";

/** The OpenAPI 3.1 document of every call. */
export async function serveOpenApi({ query }: HttpRequest): Promise<HttpResponse> {
  readQuery(query, noParameters);
  const { openApiDocument } = await import("../render/export/openapi.ts");
  return jsonResponse(200, openApiDocument(contractVersion));
}
