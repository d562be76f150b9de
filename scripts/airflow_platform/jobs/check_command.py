def add_to(actions):
    pass
