/** Decrease of the Hamilton depression scale factor IV in nine patients (Hollander & Wolfe, 1973, p. 29 f.). */
const first = [1.83, 0.5, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.3];
const second = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];

export const depression = first.map((value, at) => value - (second[at] as number));

/** Heights of cross- minus self-fertilised corn plants (example of SciPy's `wilcoxon`; C. Darwin, R. A. Fisher). */
export const corn = [6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75];

/** Made up: zeros, and sizes that are tied across signs. */
export const tied = [0, 0, 1, -1, 2, 2, 2, -3, 4, 4, 5, -6, 7];

/** `n` differences without ties or zeros, for n up to 100: 37·i mod 101, every third one turned. */
export const untied = (n: number): number[] =>
  Array.from({ length: n }, (_, at) => (((at + 1) * 37) % 101) * ((at + 1) % 3 === 0 ? -1 : 1));
