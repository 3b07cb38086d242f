"""The stories of the stock classes: rules/library/stories/<class>.yaml, each played on one made-up equipment."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from daemon.catalogue import LIBRARY, Catalogue, read_catalogue
from daemon.stories.checking import check_stories
from daemon.stories.scene import Scene
from drivers.mqtt.mapping import DeviceMap
from estate.errors import ConfigError, Fault
from estate.folder import Placed, read_stories
from estate.installation import Equipment
from estate.model import EquipmentId, PointId
from estate.story import StockStory, Story
from estate.strict import Text
from rules.instance import instantiate
from rules.rule import EquipmentClass

STORIES = LIBRARY / "stories"
PLACE = Text(zh="地下一层", en="Basement 1")
NUMBER = "1号"
LAMP = "lamp"


@dataclass(frozen=True, slots=True)
class StockTale:
    """A story of a class and the scene it is played on."""

    class_: str
    row: Placed[Story]
    scene: Scene


def stock_tales(classes: Iterable[str] | None = None) -> list[StockTale]:
    """All stories of these classes, or of every class. Raises ConfigError with every mistake in them."""
    wanted = None if classes is None else set(classes)
    files = [file for file in sorted(STORIES.glob("*.yaml")) if wanted is None or file.stem in wanted]
    faults: list[Fault] = []
    rows = {file.stem: read_stories(file, StockStory, faults) for file in files}
    profiles = {row.value.profile for told in rows.values() for row in told if row.value.profile is not None}
    catalogue = read_catalogue(STORIES, profiles, rows)
    faults += catalogue.faults
    tales = [tale for name, told in rows.items() for tale in _tales(name, told, catalogue, faults)]
    if faults:
        raise ConfigError(faults)
    return tales


def _tales(name: str, told: list[Placed[StockStory]], catalogue: Catalogue, faults: list[Fault]) -> Iterator[StockTale]:
    cls = catalogue.classes.get(name)
    if cls is None:
        if told and name not in catalogue.class_ids:
            faults.append(told[0].fault("unknown_class", id=name, known=", ".join(sorted(catalogue.class_ids))))
        return
    for row in told:
        story = row.value.model_copy(update={"equipment": (name,)})
        unknown = [point for point in story.without if point not in cls.points]
        faults += [row.fault("unknown_class_point", "without", class_=name, point=one, known="-") for one in unknown]
        if story.profile is not None and story.profile not in catalogue.profiles:
            faults.append(row.fault("unknown_profile", "profile", id=story.profile))
            continue
        scene = stock_scene(cls, story, catalogue)
        device = scene.devices.get(name)
        offered = {name: [*cls.points, *(device.events if device is not None else ())]}
        plain: Placed[Story] = Placed(story, row.document, row.loc)
        faults += check_stories([plain], scene, offered)
        yield StockTale(name, plain, scene)


def stock_scene(cls: EquipmentClass, story: StockStory, catalogue: Catalogue) -> Scene:
    """One equipment of the class, with the class's id, that has every point it may have and a lamp beside it."""
    it = EquipmentId(cls.class_)
    bindings = {name: PointId(f"{it}.{name}") for name in cls.points if name not in story.without}
    rules = instantiate(
        it, cls, name=cls.name, place=PLACE, number=NUMBER, bindings=bindings, parameters=story.parameters
    )
    equipment = [Equipment(id=it, class_=cls.class_, number=NUMBER, name=cls.name, place=PLACE, lamp=LAMP)]
    if it != LAMP:
        equipment.append(Equipment(id=LAMP, class_=LAMP, number=NUMBER, name=cls.name, place=PLACE))
    devices = {} if story.profile is None else {str(it): DeviceMap(it, catalogue.profiles[story.profile])}
    return Scene(rules, {it: bindings}, tuple(equipment), devices)
