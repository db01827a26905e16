import { ChevronsUpDown } from "lucide-react";
import type { ReactNode } from "react";
import {
  Button,
  FieldError,
  Input,
  Label,
  ListBox,
  ListBoxItem,
  Popover,
  ComboBox as ReactAriaComboBox,
  Text,
} from "react-aria-components";
import styles from "./ComboBox.module.css";
import fieldStyles from "./Field.module.css";

export interface Option {
  id: string;
  label: string;
  /** A second line or facts beside the label. */
  detail?: ReactNode;
  isDisabled?: boolean;
}

/** A text field that filters a list of options. */
export function ComboBox({
  label,
  hint,
  options,
  value,
  error,
  isLoading = false,
  onInput,
  onChange,
}: {
  label: string;
  hint?: ReactNode;
  /** What is wrong with the value. */
  error?: string | undefined;
  /** Whether the value's option is still on its way; a text typed now would be overwritten by it. */
  isLoading?: boolean;
  /** Called with the text as it is typed, to fetch other options. */
  onInput?: (text: string) => void;
  options: readonly Option[];
  value: string | null;
  onChange: (id: string) => void;
}) {
  return (
    <ReactAriaComboBox
      className={styles.combo as string}
      defaultItems={options}
      selectedKey={value}
      disabledKeys={options.filter((option) => option.isDisabled).map((option) => option.id)}
      menuTrigger="focus"
      isInvalid={error !== undefined}
      isDisabled={isLoading}
      allowsEmptyCollection
      {...(onInput ? { onInputChange: onInput } : {})}
      onSelectionChange={(key) => {
        if (key != null) onChange(String(key));
      }}
    >
      <Label className={styles.label as string}>{label}</Label>
      <div className={styles.box}>
        <Input
          className={fieldStyles.control as string}
          placeholder={isLoading ? "Loading…" : ""}
        />
        <Button className={styles.open as string}>
          <ChevronsUpDown aria-hidden />
        </Button>
      </div>
      <FieldError className={fieldStyles.error as string}>{error}</FieldError>
      {hint != null && error === undefined && (
        <Text slot="description" className={fieldStyles.hint as string}>
          {hint}
        </Text>
      )}
      <Popover className={styles.popover as string}>
        <ListBox className={styles.list as string} renderEmptyState={() => "Nothing matches."}>
          {(option: Option) => (
            <ListBoxItem
              id={option.id}
              textValue={option.label}
              className={styles.option as string}
            >
              <span>{option.label}</span>
              {option.detail != null && <span className={styles.detail}>{option.detail}</span>}
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </ReactAriaComboBox>
  );
}
