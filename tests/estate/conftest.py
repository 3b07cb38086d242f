"""A small whole site to be broken, one mistake at a time."""

from pathlib import Path

import pytest

from tests.written import Edit, editing, write_site

FILES = {
    "site.yaml": """\
id: oak
name: {zh: 橡树园, en: Oak Court}
timezone: Asia/Shanghai
mqtt: {host: broker.lan, port: 1883}
buses:
  - {id: pumps, tcp: "10.0.0.1:502", framing: rtu}
  - {id: tanks, tcp: "10.0.0.2:502"}
plans:
  - {id: plan, file: maps/plan.svg, name: {zh: 平面图, en: Plan}}
""",
    "devices.yaml": """\
- id: sump-ctl
  profile: some-sump
  bus: pumps
  unit: 1
- id: tank-ai
  profile: some-ai
  bus: tanks
  unit: 2
  scale:
    ai_1: {low: 0, high: 4, unit: m}
""",
    "devices.csv": """\
id,profile,via,name.zh,name.en
zone-01,some-zone,pids-1,一号探测器,Detector 1
panel-0301,some-panel,hh-1,,
""",
    "equipment.csv": """\
id,class,number,name.zh,name.en,place.zh,place.en,device,points.level,parameters.high,map.plan,map.x,map.y,lamp,household
sump-1,sump,1号,一号坑,Sump 1,车库,Car park,sump-ctl,,1.2,plan,10,20,,
tank-1,tank,1号,一号箱,Tank 1,泵房,Pump room,,tank-ai.ai_1,,,,,,
zone-01,zone,01号,一号防区,Zone 1,北墙,North wall,zone-01,,,plan,30.5,40,lamp-01,
lamp-01,lamp,01号,一号灯,Lamp 1,北墙,North wall,,,,,,,,
panel-0301,panel,0301,三零一,Flat 301,一号楼,Building 1,panel-0301,,,,,,,h-0301
""",
    "people.yaml": """\
- {id: li, name: 李娜, role: operator, password: null}
""",
    "households.yaml": """\
- id: h-0301
  room: "0301"
  building: 一号楼
  residents:
    - {name: 刘某, phone: "139"}
""",
    "rules.yaml": "classes: {}\n",
    "maps/plan.svg": '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 50"></svg>\n',
    "procedures/fire.md": "# 火灾 Fire\n\n1. 拨打 119 / call 119\n",
    "tests/story.yaml": "story: {zh: 平安无事, en: Nothing happens}\nsteps:\n  - {at: 0s, set: {sump-1.level: 0.5}}\n",
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write_site(tmp_path / "oak", FILES)


@pytest.fixture
def edit(site: Path) -> Edit:
    return editing(site)
