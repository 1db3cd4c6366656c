import { DefenderError } from "../../shared/ports.ts";
import type { FakeWorld } from "./fake-world.ts";
import { item } from "./story.ts";

/** What a tenant has of a product. */
export interface Stocked {
  weaknesses: number;
  /** Machines by KB; none unless given. */
  kbs?: Readonly<Record<string, number>>;
  exposedMachines?: number;
}

/** Makes a world's Defender know exactly these products, on its list and by their ids. */
export function stock(world: FakeWorld, products: Readonly<Record<string, Stocked>>): void {
  world.inventory.products = Object.entries(products).map(([id, { weaknesses, exposedMachines = 10 }]) => {
    return { id, name: id.split("-_-")[1], vendor: id.split("-_-")[0], weaknesses, exposedMachines };
  });
  world.answers.clear();
  world.weaknesses.clear();
  for (const [id, { weaknesses, kbs = {} }] of Object.entries(products)) {
    world.answers.set(
      id,
      Object.entries(kbs).map(([kb, machines]) => item(kb, machines)),
    );
    world.weaknesses.set(id, weaknesses);
  }
  const notFound = () => new DefenderError("Defender answered 404.", { permanent: false, notFound: true });
  world.ports.defender = {
    ...world.ports.defender,
    getMissingKbs: async (_tenant, id, calling) => {
      await calling?.permit?.();
      world.reads.push(id);
      const answer = world.answers.get(id) ?? notFound();
      if (answer instanceof DefenderError) throw answer;
      return answer;
    },
    getSoftware: async (_tenant, id, calling) => {
      await calling?.permit?.();
      const known = world.weaknesses.get(id);
      return known === undefined ? null : { id, weaknesses: known, exposedMachines: null };
    },
  };
}
