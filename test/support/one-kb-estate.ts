import type { WorldOptions } from "../../local/world.ts";

/** An estate whose products all miss the same KB on 240 machines, day after day. */
export const oneKbEstate: WorldOptions["estate"] = {
  software: (id) => ({
    ...{ id, name: id, vendor: "contoso", weaknesses: 1, publicExploit: false, activeAlert: false },
    ...{ installedMachines: 300, exposedMachines: 240, impactScore: 1 },
  }),
  missingKbs: () => [{ id: "5066835", name: "", productsNames: [], url: null, machineMissedOn: 240, cveAddressed: 1 }],
  trouble: () => ({ statuses: [], allDay: false }),
};
