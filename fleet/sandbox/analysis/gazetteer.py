"""Names that a reader of English knows: people, places, organisations, products. Our own lists, short on purpose."""

from fleet.sandbox.analysis.words import word_set


def _phrases(kind: str, listed: str) -> dict[str, str]:
    """Comma-separated names of one entity type, by their lower-case form."""
    return {" ".join(name.split()).lower(): kind for name in listed.split(",") if name.strip()}


FIRST_NAMES = word_set(
    "James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan Joseph",
    "Jessica Thomas Sarah Charles Karen Christopher Lisa Daniel Nancy Matthew Betty Anthony Sandra Mark Margaret",
    "Donald Ashley Steven Kimberly Andrew Emily Paul Donna Joshua Michelle Kenneth Carol Kevin Amanda Brian Melissa",
    "George Deborah Timothy Stephanie Ronald Rebecca Jason Laura Edward Sharon Jeffrey Cynthia Ryan Kathleen Jacob",
    "Amy Gary Angela Nicholas Shirley Eric Anna Jonathan Brenda Stephen Pamela Larry Emma Justin Nicole Scott Helen",
    "Brandon Samantha Benjamin Katherine Samuel Christine Gregory Debra Alexander Rachel Patrick Carolyn Frank Janet",
    "Raymond Maria Jack Catherine Dennis Heather Jerry Diane Tyler Olivia Aaron Julie Jose Joyce Adam Victoria Nathan",
    "Ruth Henry Virginia Zachary Lauren Douglas Kelly Peter Christina Kyle Joan Noah Evelyn Ethan Judith Jeremy",
    "Andrea Christian Hannah Walter Megan Keith Cheryl Austin Jacqueline Roger Martha Terry Madison Sean Teresa",
    "Gerald Gloria Carl Sara Dylan Janice Harold Ann Jordan Kathryn Jesse Abigail Bryan Sophia Lawrence Frances",
    "Arthur Jean Gabriel Alice Bruce Judy Logan Isabella Billy Julia Joe Grace Alan Amber Juan Denise Elijah Danielle",
    "Willie Marilyn Albert Beverly Wayne Charlotte Randy Natalie Mason Theresa Vincent Diana Liam Brittany Roy Doris",
    "Ralph Kayla Bobby Alexis Russell Lori Bradley Marie Philip Eugene Chloe Louis Lucas Oliver Max Leo Omar Ahmed",
    "Ali Mohammed Fatima Aisha Priya Raj Anil Sanjay Wei Ming Yuki Hiro Kenji Carlos Luis Miguel Ana Sofia Lucia",
    "Pedro Diego Elena Ivan Olga Dmitri Natasha Hans Klaus Greta Ingrid Lars Sven Pierre Claire Camille Luca Giulia",
    "Marco Paolo Tom Tim Mike Dave Steve Chris Kate Beth Sam Ben Alex Dan Matt Nick Tony Jim Bob Bill Ken Ron Don Ray",
    "Jay Jeff Greg Doug Debbie Cindy Wendy Tammy Tina Crystal Tracy Dawn Erica Erin Shannon Stacy Tiffany Whitney",
    "Courtney Monica Holly Jenna Jill Katie Kristen Leah Lindsay Mallory Misty Molly Derek Dustin Joel Cody Corey",
    "Craig Curtis Travis Trevor Todd Shawn Shane Phillip Martin Marcus Luke Ian Evan Edwin Connor Caleb Cameron Brent",
    "Brett Blake Allen Randall Rodney Ricky Robin Melanie Meghan Marissa Mackenzie Kristin Kristina Krista Kristy",
    "Kelsey Kendra Katrina Kara Joanna Jo Jasmine Jamie Hayley Haley Gina Gabrielle Desiree Dana Colleen Cassandra",
    "Caitlin Brooke Brandi Bonnie Bianca Becky April Angelica Alyssa Allison Alicia Adriana Adrian Alejandro Antonio",
    "Darren Darryl Devin Francisco Fernando Hector Jaime Javier Jorge Julian Manuel Mario Ricardo Roberto Ruben",
    "Sergio Victor Vanessa Valerie Veronica Yolanda Yvonne Yvette Sheila Sherri Sherry Shelby Shelly Sierra Summer",
    "Suzanne Sydney Tamara Tanya Tara Taylor Toni Tonya",
)
HONORIFICS = word_set("Mr Mrs Ms Miss Dr Prof Professor Sir Lady Judge Captain Colonel Senator President Rev Mx")

ORGANIZATION_WORDS = word_set(
    "Inc LLC Ltd PLC Corp Corporation Company Co Group Holdings GmbH University College Institute Bank Foundation",
    "Association Ministry Department Agency Council Committee Hospital Clinic School Partners Industries Systems",
    "Technologies Solutions Airlines Airways Insurance Logistics Sons Union Society Commission Club Team Labs Studios",
    "Motors Pharmaceuticals Energy",
)
LOCATION_WORDS = word_set(
    "Street Avenue Road Lane Boulevard Drive River Lake Mountain Mountains Island Islands Bay Valley Park Beach",
    "County City Bridge Square Airport Station Harbor Ocean Sea Desert Forest Plaza Canyon Heights Village Province",
    "District Coast",
)
EVENT_WORDS = word_set(
    "Conference Summit Festival Championship Championships Cup Expo Olympics Games Marathon Election Elections War",
    "Revolution Awards Convention Symposium Fair Carnival Parade Tournament Gala Workshop Webinar Hackathon",
)
PRODUCT_WORDS = word_set("Pro Max Plus Ultra Mini Lite Edition Series Model")

KNOWN = (
    _phrases(
        "LOCATION",
        """London, Paris, Berlin, Madrid, Rome, Vienna, Dublin, Lisbon, Athens, Oslo, Stockholm, Helsinki, Copenhagen,
        Warsaw, Prague, Budapest, Brussels, Amsterdam, Zurich, Geneva, Munich, Hamburg, Milan, Barcelona, Istanbul,
        Moscow, Kyiv, Cairo, Lagos, Nairobi, Cape Town, Johannesburg, Dubai, Mumbai, Delhi, New Delhi, Bangalore,
        Kolkata, Chennai, Karachi, Dhaka, Bangkok, Singapore, Jakarta, Manila, Hanoi, Beijing, Shanghai, Shenzhen,
        Hong Kong, Taipei, Seoul, Tokyo, Osaka, Kyoto, Sydney, Melbourne, Auckland, Toronto, Montreal, Vancouver,
        Ottawa, Mexico City, Bogota, Lima, Santiago, Buenos Aires, Sao Paulo, Rio de Janeiro, Havana, New York, New
        York City, Los Angeles, Chicago, Houston, Phoenix, Philadelphia, San Antonio, San Diego, Dallas, San Jose,
        Austin, San Francisco, Seattle, Denver, Boston, Detroit, Nashville, Portland, Las Vegas, Memphis, Baltimore,
        Milwaukee, Atlanta, Miami, Minneapolis, New Orleans, Cleveland, Tampa, Orlando, Pittsburgh, Cincinnati,
        Washington, Manchester, Edinburgh, Glasgow, Oxford, Cambridge, Bristol, Leeds, Liverpool, Brooklyn, Manhattan,
        Silicon Valley, United States, United States of America, USA, United Kingdom, UK, England, Scotland, Wales,
        Ireland, France, Germany, Spain, Portugal, Italy, Greece, Turkey, Poland, Austria, Switzerland, Norway,
        Sweden, Denmark, Finland, Netherlands, Belgium, Russia, Ukraine, Egypt, Kenya, Nigeria, South Africa, Morocco,
        Israel, Saudi Arabia, Iran, Iraq, India, Pakistan, Bangladesh, Nepal, Sri Lanka, China, Japan, South Korea,
        North Korea, Vietnam, Thailand, Malaysia, Indonesia, Philippines, Australia, New Zealand, Canada, Mexico,
        Cuba, Brazil, Argentina, Chile, Peru, Colombia, Europe, Asia, Africa, North America, South America,
        Antarctica, European Union, California, Texas, Florida, Ohio, Michigan, Arizona, Colorado, Oregon, Nevada,
        Utah, Montana, Alaska, Hawaii, Virginia, Georgia, Illinois, Pennsylvania, New Jersey, Massachusetts,
        Connecticut, Maryland, Tennessee, Kentucky, Louisiana, Oklahoma, Kansas, Nebraska, Iowa, Missouri, Wisconsin,
        Minnesota, Delaware""",
    )
    | _phrases(
        "ORGANIZATION",
        """Amazon, Amazon Web Services, AWS, Google, Microsoft, Apple, Facebook, Meta, Netflix, IBM, Intel, Oracle,
        Samsung, Sony, Toyota, Honda, Ford, Tesla, BMW, Siemens, Boeing, Airbus, Walmart, Target, Costco, IKEA, Nike,
        Adidas, FedEx, UPS, DHL, NASA, NATO, UNESCO, UNICEF, FBI, CIA, BBC, CNN, United Nations, World Bank, Red
        Cross, Congress, Senate, Parliament, European Commission, Harvard, Stanford, MIT, Starbucks, Uber, Airbnb,
        Spotify, Twitter, LinkedIn, PayPal, Visa, Mastercard, Goldman Sachs, Reuters, Wikipedia, White House""",
    )
    | _phrases(
        "COMMERCIAL_ITEM",
        """iPhone, iPad, MacBook, Kindle, Echo, Alexa, Fire TV, Xbox, PlayStation, Nintendo Switch, Windows, Android,
        Galaxy, Pixel, Chromebook, ThinkPad, GoPro, Fitbit, Roomba, AirPods, Walkman, Photoshop, Excel, Word,
        PowerPoint, Outlook, Gmail, Office, Prius, Corolla, Civic, Mustang, Model S, Coca-Cola, Pepsi, Nutella, Lego,
        Barbie, Tylenol, Aspirin""",
    )
    | _phrases(
        "EVENT",
        """Christmas, Easter, Halloween, Thanksgiving, Ramadan, Diwali, Hanukkah, New Year's Eve, Black Friday, Cyber
        Monday, Super Bowl, World Cup, Olympic Games, Olympics, Wimbledon, Tour de France, World War I, World War II,
        Cold War, Civil War, Brexit, Oscars, Grammys, Oktoberfest, Prime Day, Independence Day, Labor Day, Memorial
        Day, Mother's Day""",
    )
    | _phrases(
        "TITLE",
        """Hamlet, Macbeth, Star Wars, Harry Potter, The Godfather, Casablanca, Titanic, Moby Dick, War and Peace, Don
        Quixote, Ulysses, Jane Eyre, Dracula, Frankenstein, The Hobbit, Game of Thrones, Breaking Bad, The Great
        Gatsby""",
    )
    | _phrases(
        "OTHER",
        """American, British, English, French, German, Spanish, Italian, Greek, Turkish, Polish, Russian, Ukrainian,
        Chinese, Japanese, Korean, Indian, Pakistani, Thai, Vietnamese, Australian, Canadian, Mexican, Brazilian,
        African, European, Asian, Dutch, Swiss, Swedish, Irish, Scottish, Arabic, Latin, Christian, Muslim, Jewish,
        Buddhist, Hindu, Catholic, Democrat, Republican""",
    )
)
KNOWN_WORDS_MAX = max(len(name.split()) for name in KNOWN)
