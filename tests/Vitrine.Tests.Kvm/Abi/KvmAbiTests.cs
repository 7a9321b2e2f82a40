using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Vitrine.Kvm.Abi;
using Xunit;

namespace Vitrine.Tests.Kvm.Abi;

/// <summary>Numbers and layouts against <see cref="KvmAbiTable"/>.</summary>
public sealed class KvmAbiTests
{
    [Fact]
    public void IoctlNumbersAreTheHeaders()
    {
        string[] lines = KvmAbiTable.Ioctls.Split('\n');
        var expected = lines.Select(l => l.Split(' ')).ToDictionary(p => p[0], p => Convert.ToUInt32(p[1], 16));
        var actual = typeof(KvmIoctl).GetFields().ToDictionary(f => f.Name, f => (uint)f.GetRawConstantValue()!);
        Assert.Equal(expected.OrderBy(p => p.Key), actual.OrderBy(p => p.Key));
    }

    [Fact]
    public void EncodedSizesAreTheStructs()
    {
        // An ioctl number holds the size of its argument in bits 29:16.
        (uint Request, Type Argument)[] cases =
        [
            (KvmIoctl.KVM_SET_USER_MEMORY_REGION, typeof(kvm_userspace_memory_region)),
            (KvmIoctl.KVM_GET_DIRTY_LOG, typeof(kvm_dirty_log)),
            (KvmIoctl.KVM_CLEAR_DIRTY_LOG, typeof(kvm_clear_dirty_log)),
            (KvmIoctl.KVM_ENABLE_CAP, typeof(kvm_enable_cap)),
            (KvmIoctl.KVM_CREATE_PIT2, typeof(kvm_pit_config)),
            (KvmIoctl.KVM_IRQ_LINE, typeof(kvm_irq_level)),
            (KvmIoctl.KVM_SIGNAL_MSI, typeof(kvm_msi)),
            (KvmIoctl.KVM_SET_REGS, typeof(kvm_regs)),
            (KvmIoctl.KVM_SET_SREGS, typeof(kvm_sregs)),
            (KvmIoctl.KVM_SET_SREGS2, typeof(kvm_sregs2)),
            (KvmIoctl.KVM_TRANSLATE, typeof(kvm_translation)),
            (KvmIoctl.KVM_INTERRUPT, typeof(kvm_interrupt)),
            (KvmIoctl.KVM_GET_LAPIC, typeof(kvm_lapic_state)),
            (KvmIoctl.KVM_SET_MP_STATE, typeof(kvm_mp_state)),
            (KvmIoctl.KVM_SET_VCPU_EVENTS, typeof(kvm_vcpu_events)),
            (KvmIoctl.KVM_SET_DEBUGREGS, typeof(kvm_debugregs)),
            (KvmIoctl.KVM_SET_XSAVE, typeof(kvm_xsave)),
            (KvmIoctl.KVM_SET_XCRS, typeof(kvm_xcrs)),
        ];
        Assert.All(cases, c => Assert.Equal((int)(c.Request >> 16) & 0x3FFF, SizeOf(c.Argument)));
    }

    [Fact]
    public void StructLayoutsAreTheCompilers()
    {
        Dictionary<string, Type> types = typeof(KvmIoctl).Assembly.GetTypes()
            .Where(t => t.Namespace == typeof(KvmIoctl).Namespace && t.IsValueType && !t.IsNested)
            .ToDictionary(t => t.Name);
        string current = "";
        int structs = 0;
        int fields = 0;
        foreach (string token in KvmAbiTable.Structs.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries))
        {
            if (token.StartsWith("kvm_", StringComparison.Ordinal) && !token.Contains('@', StringComparison.Ordinal))
            {
                current = token;
                structs++;
            }
            else if (!token.Contains('@', StringComparison.Ordinal))
            {
                Assert.Equal((current, int.Parse(token)), (current, SizeOf(types[current])));
            }
            else
            {
                string[] parts = token.Split('@', ':');
                int size = int.Parse(parts[2]);

                // A size of 0 stands for the entries that follow a header: not a field, but where the header ends.
                (int Offset, int Size) actual = size == 0 ? (SizeOf(types[current]), 0) : Locate(types[current], parts[0]);
                Assert.Equal((current, parts[0], int.Parse(parts[1]), size), (current, parts[0], actual.Offset, actual.Size));
                fields++;
            }
        }

        Assert.Equal(56, structs);
        Assert.True(fields > 300, $"only {fields} fields");
    }

    private static (int Offset, int Size) Locate(Type type, string path)
    {
        int offset = 0;
        int size = 0;
        foreach (string name in path.Split('.'))
        {
            FieldInfo? field = type.GetField(name);
            Assert.True(field is not null, $"{type} has no field {name}");
            FixedBufferAttribute? buffer = field.GetCustomAttribute<FixedBufferAttribute>();
            offset += (int)Marshal.OffsetOf(type, name);
            size = buffer is null ? SizeOf(field.FieldType) : buffer.Length * SizeOf(buffer.ElementType);
            type = field.FieldType;
        }

        return (offset, size);
    }

    private static int SizeOf(Type type) => Marshal.SizeOf(type);
}
