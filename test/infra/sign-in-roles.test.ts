import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { appRoles } from "../../shared/http/caller.ts";

interface Role {
  id: string;
  value: string;
  displayName: string;
  description: string;
  isEnabled: boolean;
  allowedMemberTypes: string[];
}

const roles: Role[] = JSON.parse(readFileSync("infra/app-roles.json", "utf8"));

test("the app roles for the registration are those that the app asks for, for people and for programs", () => {
  expect(roles.map(({ value }) => value)).toEqual([appRoles.readAll, appRoles.start]);
  expect(new Set(roles.map(({ id }) => id)).size).toBe(roles.length);
  for (const { id, displayName, description, isEnabled, allowedMemberTypes } of roles) {
    expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    // Microsoft Graph refuses a role without one of these.
    expect([displayName, description]).not.toContain("");
    expect([isEnabled, allowedMemberTypes]).toEqual([true, ["User", "Application"]]);
  }
});

test("the deployment guide names each of them", () => {
  const guide = readFileSync("docs/deploy.md", "utf8");
  for (const role of Object.values(appRoles)) expect(guide).toContain(`| \`${role}\` | `);
});
