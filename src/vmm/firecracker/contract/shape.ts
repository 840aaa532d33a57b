/** Versions as `major.minor`. */
export type Version = `1.${number}`;

/** What a field holds. Bounds are inclusive; a field without `since` was there in the oldest version that is supported. */
export type Field = { readonly required?: true; readonly since?: Version } & (
  | { readonly kind: "string"; readonly anyCase?: true; readonly values?: readonly string[] }
  | { readonly kind: "integer"; readonly minimum?: number; readonly maximum?: number }
  | { readonly kind: "boolean" }
  | { readonly kind: "object"; readonly shape: Shape }
  | { readonly kind: "list"; readonly of: Field }
  /** String values under names of the caller's choice. */
  | { readonly kind: "names" }
);

export interface Shape {
  /** As the published description calls it, in `definitions`. */
  readonly name: string;
  readonly fields: Readonly<Record<string, Field>>;
  /** What must hold between fields that are right by themselves; the answer says what does not. */
  readonly rule?: (value: Readonly<Record<string, unknown>>) => string | undefined;
}

/** Whether version `a` has what came with version `b`. */
export function atLeast(a: Version, b: Version): boolean {
  return Number(a.split(".")[1]) >= Number(b.split(".")[1]);
}

export const text = { kind: "string" } as const;
export const flag = { kind: "boolean" } as const;
export const needed = { required: true } as const;

export function oneOf(...values: string[]): Field & { kind: "string" } {
  return { kind: "string", values };
}

export function integer(minimum?: number, maximum?: number): Field & { kind: "integer" } {
  return {
    kind: "integer",
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
  };
}

export function object(shape: Shape): Field & { kind: "object" } {
  return { kind: "object", shape };
}

export function listOf(of: Field): Field & { kind: "list" } {
  return { kind: "list", of };
}
