import { Chip } from "@/ui/Chip";
import { STRATEGY_NAMES } from "../words";
import { STRATEGIES, type Strategy } from "./form";
import styles from "./StrategyCards.module.css";

const SENTENCES: Record<Strategy, string> = {
  feature_extract: "Trains only the new last layer. Fast, and steady with few images.",
  fine_tune: "Trains all layers, from the pretrained weights and a solved last layer.",
  partial: "Trains the upper layers, from one that you choose; those below stay frozen.",
  scratch: "Trains all layers from random weights. Shows what pretraining is worth.",
};

/** The four strategies with a sentence each. */
export function StrategyCards({
  value,
  advised,
  error,
  onChange,
}: {
  value: Strategy;
  advised: string | undefined;
  error: string | undefined;
  onChange: (strategy: Strategy) => void;
}) {
  return (
    <fieldset className={styles.cards} data-field="strategy">
      <legend className="visually-hidden">Strategy</legend>
      {STRATEGIES.map((strategy) => (
        <label key={strategy} className={styles.card}>
          <input
            type="radio"
            name="strategy"
            value={strategy}
            checked={strategy === value}
            onChange={() => onChange(strategy)}
          />
          <span className={styles.name}>
            {STRATEGY_NAMES[strategy]}
            {strategy === advised && <Chip tone="accent">advised</Chip>}
          </span>
          <span className={styles.sentence}>{SENTENCES[strategy]}</span>
        </label>
      ))}
      {error && <p className={styles.error}>{error}</p>}
    </fieldset>
  );
}
