using Iced.Intel;
using Vitrine.Boot;
using Vitrine.Guests;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Boot;

public sealed class GuestProgramTests
{
    public static TheoryData<GuestProgram> Guests() => [.. GuestCatalog.All, DemoGuest.Create()];

    [Theory]
    [MemberData(nameof(Guests))]
    public void EachGuestLoadsAndStartsWithAnInstruction(GuestProgram guest)
    {
        using TestMachine machine = new TestMachine(1 << 20, guest.ToBootSource()).Load();
        Assert.Equal(GuestProgram.Address.Value, machine.Cpu.Segments[Seg.Cs].Base + machine.Cpu.Rip);
        int bits = guest.Mode switch { FlatMode.Real => 16, FlatMode.Protected => 32, _ => 64 };
        Decoder decoder = Decoder.Create(bits, machine.Read(GuestProgram.Address.Value, 15), machine.Cpu.Rip);
        Assert.NotEqual(Code.INVALID, decoder.Decode().Code);
    }
}
