import type { DefenderKb } from "../../local/estate.ts";
import type { Dice } from "./dice.ts";
import { softwareIds, type Tenant, tenants } from "./watchlists.ts";

/** The first digit of all KBs of a tenant, so that one tenant's figures are recognised in another's mail. */
const firstDigits: Readonly<Record<Tenant, string>> = { [tenants[0]]: "5", [tenants[1]]: "6" };

/** KBs of other tenants in a text. */
export function foreignKbs(text: string, tenant: string): string[] {
  const numbers = text.match(/(?<!\d)[56]0\d{5}(?!\d)/g) ?? [];
  return numbers.filter((number) => number[0] !== firstDigits[tenant as Tenant]);
}

/** Lists are never the same twice, except empty ones, so that a stored answer can be traced to its read. */
export function restlessEstate(
  tenant: Tenant,
  dice: Dice,
  note: (softwareId: string, kbs: readonly DefenderKb[]) => void,
) {
  return {
    software: (id: string) => {
      const flags = { publicExploit: false, activeAlert: false, installedMachines: 99, exposedMachines: 0 };
      const weaknesses = dice.chance(0.3) ? 3 : 0;
      return { id, name: id, vendor: "contoso", weaknesses, impactScore: 0, ...flags };
    },
    missingKbs: (id: string): DefenderKb[] => {
      const first = `${firstDigits[tenant]}0`;
      const number = softwareIds.indexOf(id) + 1;
      // All products share the fifth KB.
      const ids = [1, 2, 3, 4].map((kb) => `${first}${number}000${kb}`).concat(`${first}99999`);
      const missing = dice.chance(0.05) ? [] : ids.filter(() => dice.chance(0.75));
      const kbs = missing.map((kb) => ({
        ...{ id: kb, name: "January 2026 Security Updates", productsNames: [], url: null },
        ...{ machineMissedOn: 1 + dice.below(90), cveAddressed: 1 + dice.below(5) },
      }));
      note(id, kbs);
      return kbs;
    },
    trouble: () => ({ statuses: [], allDay: false }),
  };
}

/** The counts in an answer, in a fixed order. */
export function contentOf(
  kbs: readonly { id: string | null; machineMissedOn: number | null; cveAddressed: number | null }[],
): string {
  return JSON.stringify(kbs.map((kb) => [kb.id, kb.machineMissedOn, kb.cveAddressed]).toSorted());
}
