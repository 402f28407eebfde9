"""SQLAlchemy maps a class to a table of SQLite in memory, stores two rows and asks for one."""

from sqlalchemy import Column, Integer, String, create_engine, select
from sqlalchemy.orm import Session, declarative_base

Base = declarative_base()


class Planet(Base):
    __tablename__ = "planet"
    name = Column(String, primary_key=True)
    moons = Column(Integer)


engine = create_engine("sqlite://")
Base.metadata.create_all(engine)
with Session(engine) as session:
    session.add_all([Planet(name="Earth", moons=1), Planet(name="Mars", moons=2)])
    session.commit()
    assert session.execute(select(Planet.name).where(Planet.moons > 1)).scalars().all() == ["Mars"]
