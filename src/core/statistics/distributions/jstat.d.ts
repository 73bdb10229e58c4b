declare module "jstat" {
  const jStat: {
    readonly beta: { inv(p: number, a: number, b: number): number };
    readonly studentt: { inv(p: number, df: number): number };
  };
  export default jStat;
}
