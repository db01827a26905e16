import { Page } from "@/ui/Page";

export default function StudyPage() {
  return (
    <Page title="StudyPage" documentTitle="StudyPage">
      <p>StudyPage</p>
    </Page>
  );
}
