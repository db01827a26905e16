import type { ReactNode } from "react";
import { Heading, Modal, ModalOverlay, Dialog as ReactAriaDialog } from "react-aria-components";
import styles from "./Dialog.module.css";

/** A modal dialog; Escape and a click outside close it, unless it `mustBeAnswered`. */
export function Dialog({
  title,
  onClose,
  wide = false,
  mustBeAnswered = false,
  children,
  actions,
}: {
  title: string;
  onClose: () => void;
  wide?: boolean;
  mustBeAnswered?: boolean;
  children: ReactNode;
  actions?: ReactNode;
}) {
  return (
    <ModalOverlay
      className={styles.overlay as string}
      isOpen
      isDismissable={!mustBeAnswered}
      isKeyboardDismissDisabled={mustBeAnswered}
      onOpenChange={(isOpen) => {
        if (!isOpen) onClose();
      }}
    >
      <Modal className={`${styles.modal} ${wide ? styles.wide : ""}`}>
        <ReactAriaDialog className={styles.dialog as string}>
          <Heading slot="title" className={styles.title as string}>
            {title}
          </Heading>
          <div className={styles.content}>{children}</div>
          {actions != null && <div className={styles.actions}>{actions}</div>}
        </ReactAriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
