import type { Material } from "./material.ts";

/** Whether the full list of KBs comes with a digest: only mails have one. */
export type FullList = "attached" | "too large" | "none";

/** What every part of a digest is made of. */
export interface Context extends Material {
  /** 1: a good mail's worth of everything; 0: nothing but counts. */
  room: number;
  list: FullList;
  /** The report page, narrowed by its parameters; `null` where there is none to link to. */
  linkTo: (narrowed?: Record<string, string>) => string | null;
}

/** What found no room: how much it is, and where it is told. */
export interface Rest {
  text: string;
  link: string | null;
}

const most = {
  ...{ new: 10, worsened: 8, returned: 4, overdue: 5, baseline: 10 },
  /** KBs that became better, and those resolved. */
  brief: 5,
  /** Software of one KB. */
  software: 3,
  bars: 6,
  /** Reasons of one remark, and software of one reason. */
  reasons: 3,
  names: 5,
};
export type Places = keyof typeof most;

/** How many of `wanted` things a digest shows; for a single one more it makes room, since the rest would take as much. */
export function places({ room }: Pick<Context, "room">, of: Places, wanted: number): number {
  const places = Math.floor(most[of] * room);
  return places > 0 && wanted === places + 1 ? wanted : places;
}
