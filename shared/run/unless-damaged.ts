import { RowError } from "../ports.ts";

/** What is read, or the damage of the row that keeps it from being read. */
export async function unlessDamaged<T>(reading: Promise<T>): Promise<T | RowError> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof RowError) return error;
    throw error;
  }
}
