/** Amounts of money. They are decimal text, exact, and shown rounded; nothing is summed here. */
export function money(amount: unknown, currency: string): string {
  if (amount === null || amount === undefined || amount === "") return "no price";
  const value = Number(amount);
  if (Number.isNaN(value)) return String(amount);
  if (value > 0 && value < 0.01) return `< ${shown(0.01, currency)}`;
  return shown(value, currency);
}

function shown(value: number, currency: string): string {
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency, maximumFractionDigits: Math.abs(value) >= 1_000 ? 0 : 2 }).format(value);
  } catch {
    return `${value.toFixed(2)} ${currency}`.trim();
  }
}
