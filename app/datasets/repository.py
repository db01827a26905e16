"""SQL queries for datasets and their images."""

from collections.abc import Collection, Iterable, Sequence
from itertools import islice

from sqlalchemy import ColumnElement, insert, select
from sqlalchemy.orm import Session

from app.datasets.manifest import ImageRecord, Split
from app.db.search import matches, select_newest
from app.db.tables import Dataset, DatasetImage, Job, PredictionBatch
from app.errors import NotFound

_ROWS_AT_ONCE = 5000


class DatasetRepository:
    """Datasets and their images."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def get(self, dataset_id: str, *, lock: bool = False, share_lock: bool = False) -> Dataset:
        """Return the dataset; raises NotFound.

        `lock` prevents other transactions from changing it until this one ends; `share_lock`
        prevents them from deleting it.
        """
        query = select(Dataset).where(Dataset.id == dataset_id)
        if lock or share_lock:
            query = query.with_for_update(read=share_lock)
        dataset = self.session.scalar(query)
        if dataset is None:
            raise NotFound(f"There is no dataset '{dataset_id}'.")
        return dataset

    def list_page(
        self,
        *,
        limit: int,
        after: str | None,
        statuses: Collection[str] = (),
        text: str | None = None,
    ) -> Sequence[Dataset]:
        """Return the newest first, and one more than `limit` if there is another page.

        text is searched for in names and at the start of ids.
        """
        conditions: list[ColumnElement[bool]] = []
        if after is not None:
            conditions.append(Dataset.id < after)
        if text:
            # a query of its own, which reads an index and not the wide rows
            found = select(Dataset.id).where(matches(text, Dataset.name, Dataset.id))
            conditions.append(Dataset.id.in_(found))
        if len(statuses) == 1:
            conditions.append(Dataset.status.in_(statuses))
        elif statuses:
            status = (conditions, Dataset.status, statuses)
            conditions = [Dataset.id.in_(select_newest(Dataset.id, *status, limit=limit + 1))]
        query = select(Dataset).where(*conditions).order_by(Dataset.id.desc()).limit(limit + 1)
        return self.session.scalars(query).all()

    def is_in_use(self, dataset_id: str) -> bool:
        """Return whether an unfinished job or batch prediction uses the dataset."""
        users = (
            select(user.id).where(user.dataset_id == dataset_id, user.finished_at.is_(None))
            for user in (Job, PredictionBatch)
        )
        return any(self.session.scalar(user.limit(1)) is not None for user in users)

    def insert_images(self, dataset_id: str, records: Iterable[ImageRecord]) -> None:
        remaining = iter(records)
        while some := list(islice(remaining, _ROWS_AT_ONCE)):
            self.session.execute(
                insert(DatasetImage),
                [
                    {"dataset_id": dataset_id, "storage_key": record.key}
                    | record.model_dump(exclude={"key"})
                    for record in some
                ],
            )

    def list_images(  # noqa: PLR0913 - the filters of the list, by keyword
        self,
        dataset_id: str,
        *,
        limit: int,
        after: int,
        split: Split | None,
        class_name: str | None,
        path_part: str | None,
        paths: Collection[str] | None,
    ) -> Sequence[DatasetImage]:
        """Return images by image_id, and one more than `limit` if there is another page.

        path_part is a part of the path, in any case; paths are whole paths. None does not filter.
        """
        query = (
            select(DatasetImage)
            .where(DatasetImage.dataset_id == dataset_id, DatasetImage.image_id > after)
            .order_by(DatasetImage.image_id)
            .limit(limit + 1)
        )
        if split is not None:
            query = query.where(DatasetImage.split == split)
        if class_name is not None:
            query = query.where(DatasetImage.class_name == class_name)
        if path_part is not None:
            query = query.where(DatasetImage.path.icontains(path_part, autoescape=True))
        if paths is not None:
            query = query.where(DatasetImage.path.in_(paths))
        return self.session.scalars(query).all()

    def find_images(self, dataset_id: str, paths: Collection[str]) -> dict[str, DatasetImage]:
        """Return those of a dataset's images that have one of these paths, by path."""
        query = select(DatasetImage).where(
            DatasetImage.dataset_id == dataset_id, DatasetImage.path.in_(paths)
        )
        return {image.path: image for image in self.session.scalars(query)}

    def get_image(self, dataset_id: str, image_id: int) -> DatasetImage:
        """Return an image; raises NotFound."""
        image = self.session.get(DatasetImage, (dataset_id, image_id))
        if image is None:
            raise NotFound(f"There is no image {image_id} in the dataset '{dataset_id}'.")
        return image

    def list_image_ids(self, dataset_id: str, split: Split) -> Sequence[int]:
        return self.session.scalars(
            select(DatasetImage.image_id)
            .where(DatasetImage.dataset_id == dataset_id, DatasetImage.split == split)
            .order_by(DatasetImage.image_id)
        ).all()
